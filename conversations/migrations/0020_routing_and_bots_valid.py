from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0019_bots")]

    operations = [
        ValidateConstraint(model_name="agent", name="agent_chosen_state"),
        ValidateConstraint(model_name="presence", name="presence_state"),
        ValidateConstraint(model_name="team", name="team_parent"),
        ValidateConstraint(model_name="team", name="team_assigns"),
        ValidateConstraint(model_name="bot", name="bot_holds_for"),
        ValidateConstraint(model_name="ticket", name="ticket_with_bot"),
    ]
