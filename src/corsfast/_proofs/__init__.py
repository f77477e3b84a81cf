"""What to write in place of an entry of ``allow_origins``: proven before it is said.

    Problem  ->  offers  ->  repair  ->  proofs  ->  the same Problem, with its way out

`offers` finds what may stand in an entry's place under the very options that the entry was
refused under, and `advice` what to say where nothing may; `repair` corrects the text of a regex
(`written` holds it as a tree); `proofs` ask of each correction what risks.py asks of any entry;
`source` writes one down in Python.

Place in the flow: safety, redundancy -> corrections -> _compile, middleware, check. Imported
where something is wrong, and only then; but for `source`, which proves nothing.
Never: run for a policy that is right; offer what was not proven.
"""
