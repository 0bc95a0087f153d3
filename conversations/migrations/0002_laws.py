"""The laws that a foreign key can hold and Django's models can't say."""

from django.db import migrations

FORWARD = """
ALTER TABLE conversations_membership
  ADD CONSTRAINT membership_follows_agent FOREIGN KEY (agent_id, active)
  REFERENCES conversations_agent (id, is_active) ON UPDATE CASCADE;

ALTER TABLE conversations_ticket
  ADD CONSTRAINT ticket_agent_is_member FOREIGN KEY (team_id, acting_agent, acting_active)
  REFERENCES conversations_membership (team_id, agent_id, active);

ALTER TABLE conversations_ticket
  ADD CONSTRAINT ticket_bot_of_team FOREIGN KEY (bot_id, team_id)
  REFERENCES conversations_bot (id, team_id);

ALTER TABLE conversations_ticket
  ADD CONSTRAINT ticket_current_ownership FOREIGN KEY (id, owner_epoch, holder)
  REFERENCES conversations_ownership (ticket_id, epoch, holder) DEFERRABLE INITIALLY DEFERRED;
"""
BACKWARD = """
ALTER TABLE conversations_ticket DROP CONSTRAINT ticket_current_ownership;
ALTER TABLE conversations_ticket DROP CONSTRAINT ticket_bot_of_team;
ALTER TABLE conversations_ticket DROP CONSTRAINT ticket_agent_is_member;
ALTER TABLE conversations_membership DROP CONSTRAINT membership_follows_agent;
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
