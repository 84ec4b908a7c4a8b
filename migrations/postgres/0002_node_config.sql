-- See 0044_node_config.sql of SQLite.
alter table node add column config text collate "C";
