"""The turn: one answer by the bot. Its rooms, in the order a turn goes through them:

`engine` (take up, decide, end), `hear` (voice to words), `recall` (what the model is told), `think` (model and tools),
`deeds` (the journal), `commit` (propose, adopt, park, withdraw).
"""
