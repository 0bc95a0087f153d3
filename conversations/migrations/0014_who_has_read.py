from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """A customer may see who has read their conversation. The rows there are fulfil the narrower
    rule; they are looked at again by the next migration, without a lock."""

    dependencies = [("conversations", "0013_offers")]

    operations = [
        migrations.RemoveConstraint(model_name="entry", name="entry_public_kind"),
        AddConstraintNotValid(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("public_rev", None),
                    ("kind", "message"),
                    ("event", "offer_accepted"),
                    _connector="OR",
                ),
                name="entry_public_kind",
            ),
        ),
    ]
