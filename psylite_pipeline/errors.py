"""Every error this package raises on purpose. Messages name file, line or setting and the cure, never what was said."""

from __future__ import annotations


class PsyLiteError(Exception):
    """Base of all of them."""


class SettingsError(PsyLiteError):
    """A setting or valve has a value that cannot be used."""


class KnowledgeError(PsyLiteError):
    """A data file under knowledge/ (or an admin's own) cannot be read or breaks its form."""


class EncoderError(PsyLiteError):
    """The sentence encoder is missing or failed."""


class IndexFileError(PsyLiteError):
    """The retrieval index is missing, damaged or belongs to another encoder or corpus."""


class IndexBusy(PsyLiteError):
    """The retrieval index is being built, and there is none to go on with."""


class ModelError(PsyLiteError):
    """The chat model did not give what was asked of it."""


class ModelAway(ModelError):
    """No server answers at the model's address."""


class ModelMissing(ModelError):
    """The server answers but has no such model."""


class ModelTimeout(ModelError):
    """The server was silent past the deadline."""


class ModelBroken(ModelError):
    """The server answered with something that is not the protocol, or reported a failure of its own."""


class ModelCut(ModelBroken):
    """The server ended the answer before the model did: at the limit of tokens, or by a filter of its own."""


class StackError(PsyLiteError):
    """A part of the stack could not be started, stopped or fetched."""


class EvaluationError(PsyLiteError):
    """An evaluation, its data or its models cannot be used as asked."""


class RecipeError(PsyLiteError):
    """Training data, a recipe or an export of the PsyLite model is not as it must be."""
