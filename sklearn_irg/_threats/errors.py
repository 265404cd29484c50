"""Errors where nothing can be certified."""

__all__ = ["NotCertifiableError"]


class NotCertifiableError(TypeError):
    """No requested method applies to the model, its steps and the threat to its rows."""
