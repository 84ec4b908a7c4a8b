-- The end of the branch that was chosen to be shown, and the newest message's position then. Once there is a newer message
-- that one's branch is shown, so that nothing that writes messages need know of this. No foreign key: messages go only with
-- their conversation.

alter table conversation add column leaf text;
alter table conversation add column leaf_since bigint;
