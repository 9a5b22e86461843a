create table migration_took (began timestamptz not null, ended timestamptz);
insert into migration_took values (clock_timestamp());

alter table entries add column checked boolean not null default false;
update entries set checked = true where customer % 4 = 0;

update migration_took set ended = clock_timestamp();
