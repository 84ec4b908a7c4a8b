-- The model that was asked first, where another one had to answer.

alter table message add column asked text;
