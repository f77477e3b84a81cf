"""Middleware: policies at work between servers and applications.

`asgi` and `wsgi` fit every application that speaks these protocols.

Place in the flow: the last box; imports everything it needs from its left.
Never: import a framework here. Each module is imported by whoever uses it, on its own.
"""
