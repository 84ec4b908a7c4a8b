-- How long a reply's model has thought, in milliseconds, and since when it thinks where it does so now.

alter table message add column thinking_ms bigint;
alter table message add column thinking_since text;

-- Whether the tokens of a reply are our estimate: 0 or 1.

alter table message add column usage_estimated bigint not null default 0;

-- What an account has used. Not derived from its messages, which may be deleted.

create table usage (
    account text not null references account (id) on delete cascade,
    day text not null, -- in UTC
    model text not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    replies bigint not null,
    estimated bigint not null, -- how many of the replies are estimated
    primary key (account, day, model)
);

insert into usage (account, day, model, input_tokens, output_tokens, replies, estimated)
select conversation.account, substr(message.finished_at, 1, 10), coalesce(message.model, ''),
       sum(coalesce(message.input_tokens, 0)), sum(coalesce(message.output_tokens, 0)), count(*), 0
from message join conversation on conversation.id = message.conversation
where message.finished_at is not null and (message.input_tokens is not null or message.output_tokens is not null)
group by 1, 2, 3;

-- How the model is to answer: JSON, see Parameters.

alter table conversation add column parameters text not null default '{}';

-- Who set the title: none (there is none), cut (from the first message), asked (the same, and a model is, or was, asked for
-- a better one), model, person. Older titles may be anybody's, so they are treated as a person's.

alter table conversation add column title_by text not null default 'none';
update conversation set title_by = 'person' where title <> '';

-- How many of the conversation's first messages the model was not shown.

alter table message add column left_out bigint not null default 0;
