"""Check the registry against its JSON schema: check_registry.py REGISTRY SCHEMA."""

import json
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator


def main(registry: str, schema: str) -> int:
    """Print every place of the registry that the schema does not allow."""
    rules = json.loads(Path(schema).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(rules)
    document = yaml.safe_load(Path(registry).read_text(encoding="utf-8"))
    errors = list(Draft202012Validator(rules).iter_errors(document))
    for error in errors:
        print(f"{registry}: {error.json_path}: {error.message}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
