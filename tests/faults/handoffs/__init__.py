"""Agents who hand tickets over to each other while workers and web are killed, and a watcher that
reads what is committed all the time."""
