"""What to do about a finding: sentences that many checks share."""

CORRECT = "Correct the record from its source documents."
CONFIRM = "Look at the source documents: correct the record, or confirm it if it is right."
COMPLETE = "Find the value in the source documents, or send the code for unknown."
SAME_PERSON = (
    "Find out which record is right and correct the others; if they are different persons, give "
    "them different numbers."
)
CORRECT_FILE = "Correct the file and send it again."
COMPLETE_FILE = "Complete the file and send it again."
EXPLAIN_FILE = "Look for a mistake in the file; if the figures are right, say so in the submission."
