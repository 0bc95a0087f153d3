from django.apps import AppConfig


class ChannelsInboxConfig(AppConfig):
    name = "channels_inbox"
    verbose_name = "Channels"

    def ready(self) -> None:
        from channels_inbox import registry, terms, troubles
        from conversations import media

        media.know(of=registry.medium, troubles=troubles.of, terms=terms.of)
