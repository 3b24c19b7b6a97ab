def corner_pool(feature_map, corner):
    if corner == "top_left":
        return corner_pool(feature_map.flip(1, 2), "bottom_right").flip(1, 2)
    return feature_map.cummax(1).values + feature_map.cummax(2).values
