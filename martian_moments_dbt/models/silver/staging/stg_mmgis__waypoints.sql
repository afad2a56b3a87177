{#
    dist_total and drive_tota are what the map server called dist_total_m in 2021 and 2022; drive__m and final_ likewise;
    Curiosity's file says drive_type.
#}
with documents as (
    select * from {{ bronze('raw_traverse') }}
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

valid as (
    select
        rover,
        position,
        {{ valid_json('properties') }} as properties,
        {{ valid_json('geometry') }} as geometry
    from records
),

renamed as (
    select
        rover,
        position,
        properties,
        {{ text_field('properties', 'RMC') }} as rmc,
        {{ known('sol', to_sol(text_field('properties', 'sol'))) }} as sol,
        coalesce(
            {{ known('coordinate', to_double(text_field('properties', 'lon'))) }},
            {{ known('coordinate', to_double(text_field('geometry', 'coordinates[0]'))) }}
        ) as longitude,
        coalesce(
            {{ known('coordinate', to_double(text_field('properties', 'lat'))) }},
            {{ known('coordinate', to_double(text_field('geometry', 'coordinates[1]'))) }}
        ) as latitude,
        coalesce(
            {{ known('elevation', to_double(text_field('properties', 'elev_geoid'))) }},
            {{ known('elevation', to_double(text_field('geometry', 'coordinates[2]'))) }}
        ) as elevation_m,
        coalesce(
            {{ known('odometer', to_double(text_field('properties', 'dist_total_m'))) }},
            {{ known('odometer', to_double(text_field('properties', 'dist_total'))) }},
            {{ known('odometer', to_double(text_field('properties', 'drive_tota'))) }}
        ) as distance_total_m,
        coalesce(
            {{ known('length', to_double(text_field('properties', 'dist_m'))) }},
            {{ known('length', to_double(text_field('properties', 'drive__m'))) }}
        ) as drive_m,
        {{ known('heading', to_double(text_field('properties', 'yaw'))) }} as heading_deg,
        case
            when {{ text_field('properties', 'drive_type') }} = 'final' then 'y'
            else coalesce({{ text_field('properties', 'final') }}, {{ text_field('properties', 'final_') }})
        end as final
    from valid
)

select * from renamed
