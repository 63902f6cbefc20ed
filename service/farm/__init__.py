"""Many files at once: a workflow rendered over a Ray cluster, each file as one task or as several.

``job`` makes a plan of a workflow and a file, ``pieces`` says where a clip may be divided, ``work`` is what
runs on a worker, ``render`` submits tasks and waits for them. Placement, retries and transport are Ray's.
"""
