-- The panoramas of the whole circle
select
    panorama_id,
    frames,
    first_taken_at_utc,
    longitude,
    latitude
from gold.panoramas
where is_full_circle
order by first_taken_at_utc;

-- Which have north in them?
select
    panorama_id,
    azimuth_from_deg,
    azimuth_to_deg
from gold.panoramas
where is_full_circle or azimuth_to_deg < azimuth_from_deg
order by panorama_id;

-- How wide are they, by camera?
select
    rover,
    camera,
    count(*) as panoramas,
    round(median(coverage_deg)) as half_at_least_deg,
    max(coverage_deg) as widest_deg
from gold.panoramas
group by rover, camera
order by rover, camera;

-- At which stops was more than one made, so that two views can be compared?
select
    rover,
    site,
    drive,
    count(*) as panoramas,
    min(sol) as first_sol,
    max(sol) as last_sol
from gold.panoramas
group by rover, site, drive
having count(*) > 1
order by panoramas desc;

-- How much sky and how much ground do they show?
select
    panorama_id,
    elevation_from_deg,
    elevation_to_deg
from gold.panoramas
order by elevation_to_deg - elevation_from_deg desc, panorama_id;

-- The same panorama again: from the same stop, as wide and with another Sun
select
    a.panorama_id,
    b.panorama_id as again,
    b.sol - a.sol as sols_apart,
    a.coverage_deg,
    date_diff('minute', a.first_taken_at_utc, b.first_taken_at_utc) as minutes_apart
from gold.panoramas as a
inner join gold.panoramas as b
    on
        a.rover = b.rover
        and a.site = b.site
        and a.drive = b.drive
        and a.source_camera = b.source_camera
        and a.first_taken_at_utc < b.first_taken_at_utc
        and abs(a.coverage_deg - b.coverage_deg) < 10
order by minutes_apart;
