-- What images show. Stored once, however many messages have it.

create table picture (
    hash text primary key not null, -- SHA-256 of the bytes, in hexadecimal
    media_type text not null,
    width bigint not null,
    height bigint not null,
    bytes bytea not null -- PostgreSQL's name for it; SQLite keeps bytes under any
);

-- Images, each as one account uploaded it.

create table image (
    id text primary key not null,
    account text not null references account (id) on delete cascade,
    picture text not null references picture (hash),
    name text not null, -- of the file
    created_at text not null
);

create index image_by_account on image (account);
create index image_by_picture on image (picture);
create index image_by_age on image (created_at);

-- Which messages an image is in. One that is in none waits for a message, and is swept after a day.

create table message_image (
    message text not null references message (id) on delete cascade,
    image text not null references image (id) on delete cascade,
    primary key (message, image)
);

create index message_image_by_image on message_image (image);

-- The images of a message as they are shown, in their order: JSON, see Image.

alter table message add column images text not null default '[]';

-- How many of the conversation's images the model was not shown.

alter table message add column images_left_out bigint not null default 0;
