"""Find the risks of a policy, and suggest replacements for its entries.

    Problem  ->  suggest  ->  regex_fixes  ->  verify  ->  the same Problem, with a hint

`suggest` finds replacements that are valid under the options that rejected the entry, or advice
where there is no replacement. A `Dialect` writes them as its caller does. `regex_fixes` corrects
the text of a regex, which `regex_text` parses into a tree. `verify` checks each correction with
risks.py, as it checks any entry. `python_source` writes an entry as Python source.

A suggestion that was not verified is never shown. The modules for suggestions are only imported
after a problem was found, so a valid policy pays nothing for them.
"""
