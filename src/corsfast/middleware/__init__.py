"""Middleware: policies at work between servers and applications.

`asgi` and `wsgi` fit every application that speaks these protocols. The modules that are named
after a framework are for that one alone; but for `tornado`, which has none, they take the place
of its CORS library, with the same options and the same answers. `paths` and `resolver` are what
`asgi` and `wsgi` can be asked for.

Place in the flow: the last box; imports everything it needs from its left.
Never: import a framework here, or two of them in one module. Each module is imported by whoever
uses it, on its own.
"""
