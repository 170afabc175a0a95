"""The turn: one answer by the bot. Its rooms, in the order a turn goes through them:

`engine` (look, decide, end), `unsaid` (what a take-over withdrew), `take_up` (which turn it is), `attend` and `hear` (voice
to words, plugins told), `recall` (what the model is told), `think` (model and tools), `deeds` (the journal), `commit`
(propose, adopt, park, withdraw).
"""
