-- The ids of conversations that are deleted: no id is given to another conversation. Only the SHA-256 of each is kept, so
-- that the row says nothing about the conversation but that its id was used.

create table used_conversation (
    id_hash text primary key not null
);
