"""RTR-DiT (arXiv 2604.13509) at any scale: triples, a bidirectional teacher, a causal few-step student.

The paper's order: (a) ``bidirectional`` fine-tunes a teacher for text- and reference-guided restyling;
(b) ``ode`` starts a causal student from the teacher's deterministic trajectories (CausVid, arXiv 2412.07772);
(c) ``self_forcing`` rolls the student out with the cache it has at inference (Self Forcing, arXiv
2506.08009) and matches distributions with two scores (DMD2, arXiv 2405.14867). What the paper leaves
open is a field of ``recipe.Recipe``.
"""
