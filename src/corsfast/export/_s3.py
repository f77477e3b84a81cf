"""Write a policy as the CORS rules of a bucket of Amazon S3 or Cloudflare R2.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from __future__ import annotations

import json

from .._options.patterns import ANY_PORT, EXPOSED, METHODS, HostRule
from ._lists import any_subdomain, read_lists, unknown_methods
from ._model import Reason, headed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._engine.select import Policy
    from .._options.spec import Spec
    from .._proofs.languages import Entry
    from ._lists import Texts

KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


def to_s3(policy: Policy) -> str:
    """Return the CORS rules of a bucket as JSON; see docs/export.md."""
    lists = read_lists(policy, "s3", _written, _reasons)
    rule: dict[str, object] = {
        "AllowedOrigins": lists.origins,
        "AllowedMethods": lists.methods,
        "AllowedHeaders": ["*"] if "*" in lists.headers else lists.headers,
        "ExposeHeaders": lists.exposed,
        "MaxAgeSeconds": policy._tables.spec.max_age,
    }
    given = {name: value for name, value in rule.items() if value not in ([], None)}
    rest = json.dumps(given, indent=2).removeprefix("{\n")
    # JSON has no comments, so the head is the id of the rule.
    head, text = headed(policy, "s3", f"{rest}]}}\n").split("\n", 1)
    return f'{{"CORSRules": [{{\n  "ID": {json.dumps(head.removeprefix("# "))},\n{text}'


def _written(entry: Entry | str) -> Texts:
    # A `*` is any text, so it may be a port only after its colon.
    if isinstance(entry, HostRule) and entry.host[0] != "." and entry.ports == ANY_PORT:
        return [f"{entry.scheme}://{entry.host}", f"{entry.scheme}://{entry.host}:*"]
    return any_subdomain(entry)


def _reasons(spec: Spec) -> Iterator[Reason]:
    if spec.credentials:
        yield Reason("allow_credentials", True, "a bucket reads no cookies")
    if spec.any_method:
        yield Reason(METHODS, "*", f"the methods are {', '.join(KNOWN_METHODS)}")
    yield from unknown_methods(spec, KNOWN_METHODS)
    if "*" in spec.expose:
        yield Reason(EXPOSED, "*", "it takes names only")
