-- A conversation has one open reply at a time. So far the journal's turn alone saw to that, which is a lock in one process.
-- Where there are more, the newest stays open, and its former ones end when the next began.

update message set status = 'interrupted', process = null, thinking_since = null,
       finished_at = (select min(newer.created_at) from message newer
                      where newer.conversation = message.conversation and newer.status = 'streaming'
                            and newer.position > message.position)
where status = 'streaming'
      and exists (select 1 from message newer
                  where newer.conversation = message.conversation and newer.status = 'streaming'
                        and newer.position > message.position);

create unique index message_one_open on message (conversation) where status = 'streaming';
