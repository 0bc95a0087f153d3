from django.db import migrations


class Migration(migrations.Migration):
    """The sweeper asks every two seconds what is due of the sleeping tickets. By this index it read
    all that was late and ours as well; `ticket_status_due` gives it what it wants."""

    dependencies = [("conversations", "0005_presence")]

    operations = [migrations.RemoveIndex(model_name="ticket", name="ticket_due")]
