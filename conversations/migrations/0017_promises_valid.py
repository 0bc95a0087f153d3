from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0016_promises")]

    operations = [
        ValidateConstraint(model_name="ticket", name="ticket_keeps_promises"),
        ValidateConstraint(model_name="ticket", name="ticket_promise_armed"),
    ]
