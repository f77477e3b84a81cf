"""Public suffixes, and the domains that can be registered under them.

The Public Suffix List (https://publicsuffix.org) comes with `publicsuffixlist`, the only
dependency at run time. Its data is read when a wildcard, glob or regex is first checked, or by
`load`. The parser of `publicsuffixlist` takes seven times as long, so only the tests use it.

A policy of exact origins never needs the list, and no request does.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .._options.origin import is_development_host

# Suffixes that the Public Suffix List lacks, under which anyone can get a name and run scripts. The
# source is on the same line or above. A star matches a region or cluster that the tenants share.
_SHARED_HOSTING = """
# -- editors, notebooks and their forwarded ports
github.dev app.github.dev preview.app.github.dev  # https://docs.github.com/codespaces
colab.research.google.com  # https://research.google.com/colaboratory
# https://www.gitpod.io/docs/classic/user/configure/workspaces/ports: 3000-NAME.ws-eu1.gitpod.io
*.gitpod.io *.gitpod.dev
# https://learn.microsoft.com/azure/developer/dev-tunnels/security: NAME-3000.euw.devtunnels.ms
*.devtunnels.ms
# https://cloud.google.com/workstations/docs: 80-NAME.cluster-ID.cloudworkstations.dev
*.cloudworkstations.dev
# https://cloud.google.com/shell/docs/using-web-preview: 8080-NAME.cs-REGION.cloudshell.dev
*.cloudshell.dev
# https://developer.stackblitz.com, https://webcontainers.io: NAME.local.webcontainer.io
stackblitz.io *.webcontainer.io *.webcontainer-api.io
deepnoteproject.com  # https://deepnote.com/docs/incoming-connections
run.goorm.io  # https://help.goorm.io
proxy.runpod.net  # https://docs.runpod.io/pods/configuration/expose-ports
# -- tunnels to the customer's machine
loca.lt localtunnel.me  # https://theboroer.github.io/localtunnel-www
serveo.net serveousercontent.com  # https://serveo.net
lhr.life localhost.run  # https://localhost.run/docs
loclx.io  # https://localxpose.io/docs
pagekite.me  # https://pagekite.net
a.free.pinggy.link a.pinggy.link free.pinggy.link  # https://pinggy.io/docs
pktriot.net  # https://packetriot.com/docs
sharedwithexpose.com  # https://expose.dev/docs
share.zrok.io  # https://docs.zrok.io/docs/concepts/http
# https://nip.io, https://sslip.io, https://traefik.me: the name contains the address
nip.io sslip.io traefik.me
# -- applications
anvil.app  # https://anvil.works/docs/deployment
# https://learn.microsoft.com/azure/container-apps/ingress-overview: NAME.ID.REGION.azure...
*.azurecontainerapps.io
# https://learn.microsoft.com/azure/virtual-machines/create-fqdn: NAME.REGION.cloudapp.azure.com
*.cloudapp.azure.com
b4a.run  # https://www.back4app.com/docs-containers
b-cdn.net bunny.run  # https://docs.bunny.net
gradio.live  # https://www.gradio.app/guides/sharing-your-app
# https://cloud.ibm.com/docs/codeengine, https://cloud.ibm.com/docs/containers
*.codeengine.appdomain.cloud *.containers.appdomain.cloud
# https://kinsta.com/docs, https://docs.sevalla.com
kinsta.app kinsta.cloud kinsta.page sevalla.app sevalla.page
koyeb.app  # https://www.koyeb.com/docs/run-and-scale/domains
# https://modal.com/docs/guide/webhook-urls, https://modal.com/docs/guide/tunnels
modal.run *.modal.host
netlify.com  # https://github.com/publicsuffix/list/pull/469: sites from before netlify.app
osc-fr1.scalingo.io osc-secnum-fr1.scalingo.io  # https://doc.scalingo.com/platform/app/domain
# https://docs.posit.co/shinyapps.io, https://docs.posit.co/connect-cloud
shinyapps.io share.connect.posit.cloud
# https://help.manus.im, https://www.create.xyz: applications written by a model
created.app manus.space
# -- web sites
# https://infinityfree.com, https://neocities.org, https://tiiny.host
epizy.com infinityfreeapp.com neocities.org rf.gd tiiny.site
readthedocs.org  # https://docs.readthedocs.com: the former home of every project, now a redirect
sourceforge.io  # https://sourceforge.net/p/forge/documentation/Project%20Web%20Services
# Site builders with scripts of the customer: the free domain of each
ghost.io glide.page hs-sites.com mystrikingly.com softr.app squarespace.com
super.site tilda.ws tumblr.com weebly.com
# -- business software, whose tenants have a name and scripts, and whose trials are free
# https://learn.microsoft.com/power-platform: NAME.crm4.dynamics.com
*.dynamics.com powerappsportals.com
# https://help.salesforce.com, "My Domain URL Formats"
lightning.force.com vf.force.com my.salesforce.com my.site.com
service-now.com  # https://www.servicenow.com/docs: personal developer instances
sharepoint.com  # https://learn.microsoft.com/sharepoint/dev/spfx
zendesk.com  # https://developer.zendesk.com/documentation/help_center
"""
SHARED_HOSTING = tuple(
    name for line in _SHARED_HOSTING.splitlines() for name in line.partition("#")[0].split()
)

# https://github.com/publicsuffix/list/wiki/Format: a rule ends at the first white space.
_RULE = re.compile(r"\n([^/\s]\S*)")


def load() -> None:
    """Read the list, once per process. Call it where a blocking read does no harm.

    After that, this module reads no file.

    Raises:
        OSError: if the data of `publicsuffixlist` cannot be read.
    """
    _rules()
    _names()


@lru_cache(maxsize=1)
def _rules() -> tuple[str, ...]:
    """Return each rule with its host as origins write it, and with its `*.` or `!`."""
    from publicsuffixlist import PSLFILE

    with open(PSLFILE, "rb") as file:
        rules = _RULE.findall("\n" + file.read().lower().decode())
    return (*map(_ascii, rules), *SHARED_HOSTING)


def _ascii(rule: str) -> str:
    """Encode a name. Rules are normalized, so the result equals that of the slower `idna`."""
    if rule.isascii():
        return rule
    return ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
        for label in rule.split(".")
    )


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(_rules())


def _labels(host: str) -> tuple[list[str], int]:
    """Return a host's labels, and how many of the last ones form the public suffix (0 for none).

    https://github.com/publicsuffix/list/wiki/Format#algorithm: the longest rule decides. The
    name above a `*` is a suffix as well, and an exception is a name under that suffix.
    """
    labels = host.removesuffix(".").lower().split(".")
    names = _names()
    if "" in labels:
        return labels, 0
    for i in range(len(labels)):
        name = _ascii(".".join(labels[i:]))
        length = len(labels) - i
        if f"!{name}" in names:
            return labels, length - 1
        if f"*.{name}" in names:
            return labels, min(length + 1, len(labels))
        if name in names:
            return labels, length
    return labels, 0


def public_suffix(host: str) -> str | None:
    """Return the part of a host under which names can be registered, if there is one."""
    # The list contains home.arpa, but RFC 8375 allows no registrations under it.
    if is_development_host(host):
        return None
    labels, length = _labels(host)
    return ".".join(labels[-length:]) if length else None


def is_public_suffix(name: str) -> bool:
    return public_suffix(name) == name


def registrable_domain(host: str) -> str | None:
    """Return the public suffix with one more label; ``None`` if either of them is missing."""
    if is_development_host(host):
        return None
    labels, length = _labels(host)
    return ".".join(labels[-length - 1 :]) if 0 < length < len(labels) else None


@lru_cache(maxsize=1)
def _below() -> dict[str, list[str]]:
    """Return the rules below each name, indexed because a list of suffixes may be long."""
    below: dict[str, list[str]] = {}
    for rule in _rules():
        if rule.startswith("!"):
            continue
        name = rule
        while "." in name:
            name = name.partition(".")[2]
            below.setdefault(name, []).append(rule)
    return below


def rule_of(suffix: str) -> str:
    """Return the rule that makes a name a public suffix: the name, or `*` for its first label."""
    above = suffix.partition(".")[2]
    return f"*.{above}" if f"*.{above}" in _below().get(above, ()) else suffix


def suffixes_below(domain: str) -> list[str]:
    """Return the public suffixes below a domain, for example ``up.railway.app`` of railway.app."""
    return [rule for rule in _below().get(domain, ()) if rule != f"*.{domain}"]


@lru_cache(maxsize=1)
def top_level_domains() -> tuple[str, ...]:
    """Return every delegated top-level domain, in its ASCII form."""
    return tuple(dict.fromkeys(rule.rpartition(".")[2] for rule in _rules()))
