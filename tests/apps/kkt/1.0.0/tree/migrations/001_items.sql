create table items (
    id bigint generated always as identity primary key,
    name text not null
);

create table heartbeats (
    name text primary key,
    version text not null,
    at timestamptz not null
);
