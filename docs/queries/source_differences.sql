-- On which sols do the sources promise different numbers of photos?
select
    rover,
    sol,
    string_agg(source || ': ' || coalesce(promised::varchar, '?'), ', ' order by source) as promised
from gold.source_differences
group by rover, sol
having count(distinct promised) > 1 or count(promised) < count(*)
order by rover, sol;

-- Where does the chosen source have fewer photos than another one promises?
select
    chosen.rover,
    chosen.sol,
    chosen.source,
    chosen.photos,
    others.source as other_source,
    others.promised as other_promised
from gold.source_differences as chosen
inner join gold.source_differences as others
    on chosen.rover = others.rover and chosen.sol = others.sol and chosen.source <> others.source
where chosen.is_chosen and others.promised > chosen.photos
order by others.promised - chosen.photos desc;

-- What do two sources call the same camera?
select
    rover,
    source,
    cameras,
    source_cameras,
    count(*) as sols
from gold.source_differences
where cameras <> source_cameras
group by rover, source, cameras, source_cameras
order by sols desc;

-- Which sources were never asked for a sol that another one has?
select
    rover,
    source,
    count(*) as sols,
    sum(promised) as photos_promised
from gold.source_differences
where photos is null
group by rover, source
order by sols desc;

-- How many photos are thumbnails, and how many show a picture again, by source?
select
    rover,
    source,
    sum(photos) as photos,
    sum(thumbnails) as thumbnails,
    sum(photos - pictures) as repeated
from gold.source_differences
where photos > 0
group by rover, source
order by rover, source;
