-- The versions of a conversation's first message.

create index message_first on message (conversation, position) where parent is null;
