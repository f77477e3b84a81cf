"""The parts of the generic ASGI and WSGI middlewares."""
