"""What is raised where nothing can be said for certain."""

__all__ = ["NotCertifiableError"]


class NotCertifiableError(TypeError):
    """No method that is meant applies to a model, its steps and what may happen to its rows."""
