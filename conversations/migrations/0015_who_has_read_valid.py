from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0014_who_has_read")]

    operations = [ValidateConstraint(model_name="entry", name="entry_public_kind")]
