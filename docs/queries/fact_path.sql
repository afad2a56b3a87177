-- How far has each rover driven, and how many legs did it take?
select
    rover,
    count(*) as legs,
    round(sum(distance_m) / 1000, 3) as km,
    round(max(distance_m), 1) as longest_leg_m
from silver.fact_path
group by rover
order by km desc;

-- The distance driven, added up sol by sol (a leg without a sol counts to the one before it)
select
    rover,
    sol,
    round(sum(sum(distance_m)) over (partition by rover order by sol)) as metres_so_far
from silver.fact_path
where sol is not null
group by rover, sol
order by rover, sol;

-- How fast is a rover on the way? (Perseverance's map reports the clock at both ends of a leg.)
select
    rover,
    leg,
    sol,
    length_m,
    round((sclk_end - sclk_start) / 60.0, 1) as minutes,
    round(length_m / (sclk_end - sclk_start) * 3600, 1) as metres_per_hour
from silver.fact_path
where sclk_end - sclk_start > 600 and length_m > 50
order by metres_per_hour desc
limit 10;

-- How direct was the way: metres driven against the straight line from its first point to its last
with lines as (
    select
        rover,
        leg,
        distance_m,
        (geometry -> '$.coordinates')::double[][] as points
    from silver.fact_path
    where (geometry ->> '$.type') = 'LineString'
),

ends as (
    select
        rover,
        sum(distance_m) as driven_m,
        arg_min(points[1], leg) as first_point,
        arg_max(points[-1], leg) as last_point
    from lines
    group by rover
)

select
    rover,
    round(driven_m) as driven_m,
    round(3396190 * radians(1) * sqrt(
        pow((last_point[1] - first_point[1]) * cos(radians(first_point[2])), 2)
        + pow(last_point[2] - first_point[2], 2)
    )) as straight_m
from ends
order by rover;

-- The newest drive of each rover as GeoJSON, for any program that draws it (its coordinates are of Mars)
select
    rover,
    sol,
    json_object(
        'type', 'FeatureCollection',
        'features', json_group_array(json_object(
            'type', 'Feature',
            'properties', json_object('leg', leg, 'metres', length_m),
            'geometry', geometry::json
        ))
    ) as geojson
from silver.fact_path
where sol is not null and geometry is not null
group by rover, sol
qualify sol = max(sol) over (partition by rover);
