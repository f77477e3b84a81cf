"""Explain why a request is allowed or refused, and which change would allow it.

Nothing here runs while requests are served. `Policy.explain` imports it on its first call.
"""
