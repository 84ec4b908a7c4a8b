-- What a node is set up with, as a hash, so that nodes which differ are warned of. Null: not known yet.
alter table node add column config text;
