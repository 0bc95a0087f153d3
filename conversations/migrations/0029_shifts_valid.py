from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

LAWS = """
ALTER TABLE conversations_offer VALIDATE CONSTRAINT offer_shift_of_team;
ALTER TABLE conversations_offer VALIDATE CONSTRAINT offer_says_enough;
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0028_shifts")]

    operations = [
        ValidateConstraint(model_name="team", name="team_zone"),
        ValidateConstraint(model_name="offer", name="offer_lasts"),
        ValidateConstraint(model_name="offer", name="offer_to_shift"),
        migrations.RunSQL(LAWS, migrations.RunSQL.noop),
    ]
