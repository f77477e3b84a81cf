"""Middleware: applies a policy between a server and an application.

`asgi` and `wsgi` work with every application that speaks these protocols. A module that is named
after a framework replaces the CORS library of that framework, with the same options and the same
answers. (Tornado has no such library, so `tornado` takes the options of `corsfast.Policy`.)
`paths` and `resolver` are optional features of `asgi` and `wsgi`.

Import no framework here, and at most one in each module, because an application that uses one
framework need not have the others installed.
"""
