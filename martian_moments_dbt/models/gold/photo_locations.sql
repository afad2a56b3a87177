{{ config(materialized='view') }}

select
    photo_key,
    rover,
    sol,
    source,
    product_identity,
    camera,
    taken_at_utc,
    site,
    drive,
    site_method,
    longitude,
    latitude,
    elevation_m,
    heading_deg,
    distance_driven_m,
    distance_driven_method,
    location_method,
    location_quality,
    location_uncertainty_m
from {{ ref('fact_photos') }}
