"""One small service of each kind, from which `quancheng new service` makes new ones.

Each folder is a whole service of its kind. The generator copies it with its tests, its sandbox
system and its document, and puts the new service's words in the place of the example's, so what
stands here is checked like all other code and is right for a service that does not exist yet.

The product never loads it: folders that start with an underscore are found by tests alone.
"""
