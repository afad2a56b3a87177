-- depends_on: {{ ref('loaded_objects') }}
{# dist_total and drive_tota are what the map server called dist_total_m in 2021 and 2022; final_ likewise. #}
with documents as (
    select * from {{ source('bronze', 'raw_traverse') }}
    where kind = 'waypoints' and source = 'mmgis'
),

records as (
    {{ records('documents', 'features', {'rover': 'rover'}) }}
),

renamed as (
    select
        rover,
        position,
        {{ json_text('record', 'properties.RMC') }} as rmc,
        {{ to_integer(json_text('record', 'properties.sol')) }} as sol,
        coalesce(
            {{ to_double(json_text('record', 'properties.lon')) }},
            {{ to_double(json_text('record', 'geometry.coordinates[0]')) }}
        ) as longitude,
        coalesce(
            {{ to_double(json_text('record', 'properties.lat')) }},
            {{ to_double(json_text('record', 'geometry.coordinates[1]')) }}
        ) as latitude,
        coalesce(
            {{ to_double(json_text('record', 'properties.elev_geoid')) }},
            {{ to_double(json_text('record', 'geometry.coordinates[2]')) }}
        ) as elevation_m,
        coalesce(
            {{ to_double(json_text('record', 'properties.dist_total_m')) }},
            {{ to_double(json_text('record', 'properties.dist_total')) }},
            {{ to_double(json_text('record', 'properties.drive_tota')) }}
        ) as distance_total_m,
        coalesce(
            {{ json_text('record', 'properties.final') }}, {{ json_text('record', 'properties.final_') }}
        ) as final
    from records
)

select * from renamed
