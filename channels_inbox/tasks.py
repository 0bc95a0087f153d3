"""Wake-ups. The rows are the queue; a lost task is made up for by the sweeps that beat sends.

The limits leave threads of the slow workers free for each kind of work (`worker --concurrency`).
"""

from __future__ import annotations

from celery import shared_task

from channels_inbox import deliver, expiry, pulling, receive
from channels_inbox.chat import asking, fallback, uploads, visitors
from channels_inbox.chat.reception import work
from channels_inbox.gates import out
from channels_inbox.webhooks import keeping, send
from conversations import attachments, deliveries
from conversations.turns import at_most
from conversations.wake import SEND, wake

SLOW = (
    *("process_slow", "deliver", "probe", "store_files", "pull_due"),
    *("chat_letters", "tell_webhooks"),
)


@shared_task(name="channels_inbox.process", queue="fast")
def process() -> None:
    receive.process_waiting("fast")


@shared_task(name="channels_inbox.process_slow", queue="slow")
@at_most(2)
def process_slow() -> None:
    receive.process_waiting("slow")


@shared_task(name="channels_inbox.store_files", queue="slow")
@at_most(1)
def store_files() -> None:
    attachments.store_waiting(receive.read_file)


@shared_task(name="channels_inbox.deliver_fast", queue="fast")
def deliver_fast() -> None:
    deliver.deliver_due("fast")


@shared_task(name=SEND, queue="slow")
@at_most(deliver.THREADS)
def deliver_slow() -> None:
    deliver.deliver_due("slow")


@shared_task(name="channels_inbox.probe", queue="slow")
@at_most(1)
def probe() -> None:
    """Ask the providers that were out of order whether they are back."""
    out.probe_due()


@shared_task(name="channels_inbox.refresh", queue="slow")
@at_most(1)
def refresh() -> None:
    """Sign-ins that end soon."""
    expiry.refresh_due()


@shared_task(name="channels_inbox.pull", queue="slow")
@at_most(2)
def pull(account: int) -> None:
    pulling.pull(account)


@shared_task(name="channels_inbox.pull_due", queue="slow")
def pull_due() -> None:
    """One task for each account that is due, so that a slow server holds up its own mail only."""
    for account in pulling.due():
        wake("channels_inbox.pull", account)


@shared_task(name="channels_inbox.reconcile", queue="slow")
def reconcile() -> None:
    """Ask for a full comparison with what the providers hold, at each account's next pull."""
    pulling.ask_to_reconcile()
    pull_due()


@shared_task(name="channels_inbox.chat_sweep", queue="fast")
@at_most(1)
def chat_sweep() -> None:
    fallback.take_on()


@shared_task(name="channels_inbox.chat_reception", queue="fast")
@at_most(1)
def chat_reception() -> None:
    work.work_due()


@shared_task(name="channels_inbox.chat_letters", queue="slow")
@at_most(1)
def chat_letters() -> None:
    asking.send_due()


@shared_task(name="channels_inbox.chat_tidy", queue="slow")
@at_most(1)
def chat_tidy() -> None:
    """What nobody needs any more: windows never written in, files of long ago."""
    visitors.forget_strangers()
    uploads.forget_old()


@shared_task(name="channels_inbox.tell_webhooks", queue="slow")
@at_most(2)
def tell_webhooks() -> None:
    send.tell_due()


@shared_task(name="channels_inbox.webhook_tidy", queue="slow")
@at_most(1)
def webhook_tidy() -> None:
    keeping.tidy()


@shared_task(name="channels_inbox.sweep", queue="fast")
def sweep() -> None:
    """What lost wake-ups, dead workers and expired leases left behind."""
    deliveries.expire_leases()
    for task in SLOW:
        wake(f"channels_inbox.{task}")
    receive.process_waiting("fast")
    deliver.deliver_due("fast")
    fallback.take_on()
    work.work_due()
