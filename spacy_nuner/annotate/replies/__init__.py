"""From a raw reply to mentions in the text: parse, clean, place."""
