-- Which documents are these tables made of?
select
    rover,
    kind,
    source,
    count(*) as documents,
    min(sol) as first_sol,
    max(sol) as last_sol
from silver.loaded_objects
group by rover, kind, source
order by rover, kind, source;

-- Which sols are here from more than one source?
select
    rover,
    sol,
    string_agg(source, ', ' order by source) as sources
from silver.loaded_objects
where kind = 'photos'
group by rover, sol
having count(*) > 1
order by rover, sol;

-- By which order of preference, and by which rules, was this build made?
select distinct
    preferred_sources,
    photo_rules
from silver.loaded_objects;

-- From a photo back to the document of the lake that reports it, and its version
select
    photos.photo_key,
    objects.object_key,
    objects.etag,
    photos.fetched_at
from silver.fact_photos as photos
inner join silver.loaded_objects as objects on photos.object_key = objects.object_key
order by photos.photo_key
limit 10;

-- Documents whose photos are in no table: another source was chosen for the sol, or they have none
select objects.object_key
from silver.loaded_objects as objects
anti join silver.fact_photos as photos on objects.object_key = photos.object_key
where objects.kind = 'photos'
order by objects.object_key;
