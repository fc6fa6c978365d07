"""The JSON schema that a structured reply follows."""

from typing import Any, Final

# Strict schemas of OpenAI need an object at the top, all keys required, no others
_FIELDS: Final = ("entity", "concept", "description")
RESPONSE_FORMAT: Final[dict[str, Any]] = {
    "type": "json_schema",
    "json_schema": {
        "name": "concepts",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "entities": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in _FIELDS},
                        "required": list(_FIELDS),
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["entities"],
            "additionalProperties": False,
        },
    },
}
