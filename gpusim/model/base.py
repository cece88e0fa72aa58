"""The base of all scenario models, and the translation of their faults into plain sentences."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from gpusim.errors import did_you_mean


class Model(BaseModel):
    """Frozen; unknown keys, NaN and infinities (where not meant) are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


def faults_of(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One line per fault: key, what was found, what is allowed."""
    lines = []
    for fault in error.errors():
        place = [str(part) for part in fault["loc"] if not str(part).startswith(("function-", "list[", "float", "int"))]
        key = ".".join(place) or "(file)"
        if fault["type"] == "extra_forbidden":
            allowed = _keys_at(root, place[:-1])
            lines.append(f"{key}: unknown key{did_you_mean(place[-1], allowed)}; allowed: {', '.join(allowed)}")
        else:
            found = fault.get("input")
            shown = f", found {found!r}" if fault["type"] != "missing" and not isinstance(found, dict) else ""
            lines.append(f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}{shown}")
    return lines


def _keys_at(model: type[BaseModel], place: list[str]) -> list[str]:
    """Keys allowed at a dotted place below a model."""
    current: object = model
    for part in place:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(part)
            current = field.annotation if field else None
        else:  # dict of models or list of models: the key is a free name or an index
            arguments = getattr(current, "__args__", ())
            current = arguments[-1] if arguments else None
    return sorted(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []
