-- What does each source promise, of how many sols?
select
    rover,
    source,
    count(*) as sols,
    sum(photos_promised) as photos_promised,
    max(max_sol) as newest_sol,
    max(fetched_at) as as_of
from silver.manifest_sols
group by rover, source
order by rover, source;

-- The sols of which most photos are promised
select
    rover,
    source,
    sol,
    photos_promised,
    earth_date
from silver.manifest_sols
where photos_promised is not null
order by photos_promised desc, rover, sol
limit 10;

-- How busy was each year of Earth?
select
    rover,
    year(earth_date) as year,
    count(*) as sols_with_photos,
    sum(photos_promised) as photos
from silver.manifest_sols
where earth_date is not null
group by rover, year
order by rover, year;

-- Which sols does the manifest leave out, between its first and its last?
select
    rover,
    source,
    sol + 1 as first_left_out,
    next_sol - 1 as last_left_out,
    next_sol - sol - 1 as sols
from (
    select
        *,
        lead(sol) over (partition by rover, source order by sol) as next_sol
    from silver.manifest_sols
) as listed
where next_sol > sol + 1
order by sols desc, rover, source
limit 20;

-- How much of what is promised is here?
with held as (
    select
        rover,
        source,
        sol,
        count(*) as photos
    from silver.fact_photos
    group by rover, source, sol
)

select
    promised.rover,
    promised.source,
    sum(promised.photos_promised) as photos_promised,
    sum(coalesce(held.photos, 0)) as photos_here
from silver.manifest_sols as promised
left join held
    on promised.rover = held.rover and promised.source = held.source and promised.sol = held.sol
group by promised.rover, promised.source
having sum(promised.photos_promised) > 0
order by promised.rover, promised.source;
