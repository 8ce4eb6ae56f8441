"""Files in TOML that describe something: reading them, and saying what is wrong with them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rarecare.errors import FileError, UsageError, nearest


def toml_content(source: str | Path, allowed: Sequence[str], *, what: str = "file") -> str:
    """Return the text of a file; ``what`` names it in words.

    Raises
    ------
    FileError
        The file is missing or not text.
    """
    path = Path(source)
    if not path.is_file():
        raise FileError(f"there is no such {what}", value=str(source), allowed=allowed)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"the file is not text ({error})", file=path.name) from None


def parsed(content: str, file: str) -> dict[str, Any]:
    """Return what a TOML text holds.

    Raises
    ------
    FileError
        It is not TOML.
    """
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"the file is not TOML ({error})", file=file) from None


def faults(error: ValidationError, given: Any, file: str, model: type[BaseModel]) -> UsageError:
    """Return one error that names every fault of a file."""
    every = error.errors()
    places = [one["loc"] for one in every]

    def follows(fault: Any) -> bool:  # a list too short only because a part has a fault
        at = fault["loc"]
        inside = any(place[: len(at)] == at for place in places if len(place) > len(at))
        return fault["type"] == "too_short" and inside

    found = [_fault(one, given, model) for one in every if not follows(one)]
    many = len(found) > 1
    return UsageError(
        f"the file has {len(found)} faults: " + "; ".join(found) if many else found[0], file=file
    )


def _fault(fault: Any, given: Any, model: type[BaseModel]) -> str:
    at, ids, allowed = given, [], model
    for part in fault["loc"]:
        allowed = _model_at(allowed, part)
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(at, dict) and isinstance(at.get("id", at.get("criterion")), str):
            ids.append(at.get("id", at.get("criterion")))
    place = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in fault["loc"])
    where = f"{place} (of {ids[-1]})" if ids else place
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] == "extra_forbidden":
        near = nearest(str(fault["loc"][-1]), list(allowed.model_fields))
        return f"{where} is not known" + (f", did you mean {near!r}?" if near else "")
    said = fault["msg"].removeprefix("Value error, ")
    value = fault.get("input")
    shown = f", got {value!r}" if isinstance(value, str | int | float | bool) else ""
    return f"{where}: {said}{shown}" if where else said


def _model_at(model: type[BaseModel], part: str | int) -> type[BaseModel]:
    """Return the model at one step further, or the same where the step leads to none."""
    field = model.model_fields.get(part) if isinstance(part, str) else None
    found = _models(field.annotation) if field is not None else []
    return found[0] if found else model


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in get_args(annotation) for one in _models(part)]
