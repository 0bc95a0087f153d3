"""The product under load while things break, measured by ledgers of the world outside.

Alone, with a report: `uv run python -m tests.faults --mails 2000 --replies 500 --seed 1`; with
`--channels` of providers, with `--channels --steady` of these with nothing killed, with
`--handoffs 200` of tickets handed over. What breaks, and where it is tried, in the gate / by `-m full`:

F1   workers killed    test_faults::…everything_is_killed 80 calls, 100 mails /
                       test_channels::…two_thousand_calls, test_faults::…two_thousand_mails; at most
                       1 % of the answers in doubt beyond those the provider hung up on
F2   web killed        the same
F3   PostgreSQL killed the same; test_outages::…without_postgresql;
                       channels_inbox/test_database_away, statement by statement / the same
F5   Valkey emptied    the same as F1, for two minutes; test_live::…lost_redis / and
                       test_faults::…broker_that_forgets; 95 % of the calls within 60 s
F6   Valkey away       test_live::…lost_redis / test_outages::…without_valkey
F8   tasks given again test_tasks_again after 5 s, 2 tasks of 12 s / 6 of 20 s
F9   bells lost        test_live 24 pages / 200; F10 old sockets, F11 reconnecting, F12 a slow
                       writer, F24 rolling deployment: there too
F13  the same call     test_repeats 100 at once / test_channels::…hundred_times by four providers,
                       and three times after an hour
F14  an album          channels_inbox/test_hook::…workers_at_once / test_channels::…album, 12 calls
F15  receipts          channels_inbox/providers/test_journey, whatsapp/test_becoming, one by one /
                       test_providers::…receipts, 20 by each of three, and one of no message
F16  taken, then hung  as F1, 20 answers of which one in five / test_channels::…taken_and_not_answered,
     up                500 of which one in ten
F17  by who takes it   the same, by the generic channel
     once
F18  mail cut off      as F1, and channels_inbox/test_send / test_faults::…two_thousand_mails
F19  IMAP killed       channels_inbox/test_pull one by one / …a_thousand_mails
F20  a mail that stops channels_inbox/test_pull::…stops_the_parser of 8 / the third of 500
     the parser
F21  a call that kills test_poison::…poisonous_call among 40 / 1,000; a mail among 40 there
     its reader
F22  a bad build       channels_inbox/test_gates::…nothing_can_be_read / test_channels::…build
F23  a slow provider   channels_inbox/test_gates::…slow_provider, test_trouble 429 for 15 s / 30 s per
                       answer, 429, 503 and 500 for 20 minutes each (`FAULT_SECONDS`), and
                       `manage.py bench channels`
F27  a frozen worker   test_outages::…frozen_sender 1 s past its lease / 90 s, test_faults::…mails
F28  a backlog         test_backlog 150 mails / 50,000 (`FAULT_MAILS`), chats until all are through
F30  handing over      test_faults::…nobodys 40 tickets / 200
"""
