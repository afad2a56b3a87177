-- depends_on: {{ ref('loaded_objects') }}
{#
    dist_total and drive_tota are what the map server called dist_total_m in 2021 and 2022; final_ likewise; Curiosity's file
    says drive_type.
#}
with documents as (
    select * from {{ source('bronze', 'raw_traverse') }}
    where kind = 'waypoints' and source = 'mmgis'
),

records as (
    {{ records(
        'documents',
        'features',
        keep={'rover': 'rover'},
        fields={'properties': 'properties', 'geometry': 'geometry'},
    ) }}
),

renamed as (
    select
        rover,
        position,
        properties,
        {{ json_text('properties', 'RMC') }} as rmc,
        {{ to_integer(json_text('properties', 'sol')) }} as sol,
        coalesce(
            {{ to_double(json_text('properties', 'lon')) }}, {{ to_double(json_text('geometry', 'coordinates[0]')) }}
        ) as longitude,
        coalesce(
            {{ to_double(json_text('properties', 'lat')) }}, {{ to_double(json_text('geometry', 'coordinates[1]')) }}
        ) as latitude,
        coalesce(
            {{ to_double(json_text('properties', 'elev_geoid')) }}, {{ to_double(json_text('geometry', 'coordinates[2]')) }}
        ) as elevation_m,
        coalesce(
            {{ to_double(json_text('properties', 'dist_total_m')) }},
            {{ to_double(json_text('properties', 'dist_total')) }},
            {{ to_double(json_text('properties', 'drive_tota')) }}
        ) as distance_total_m,
        case
            when {{ json_text('properties', 'drive_type') }} = 'final' then 'y'
            else coalesce({{ json_text('properties', 'final') }}, {{ json_text('properties', 'final_') }})
        end as final
    from records
)

select * from renamed
